#!/bin/bash
# SPDX-License-Identifier: MIT
# By hand, `make check-systemd`: the packages in a virtual machine with Debian's
# systemd and kernel; tests/systemd-guest.py runs there. As root; takes
# debootstrap, debhelper and qemu-system-x86, and a quarter of an hour where the
# machine is emulated; ACCEL=kvm where it need not be. What was made is kept in
# build/vm; PARTS="boot stop" takes some of the tests, KEEP=1 what was installed.
set -euo pipefail

suite=$(. /etc/os-release; echo "$VERSION_CODENAME")
mirror=${MIRROR:-http://deb.debian.org/debian}
vm=$top_builddir/vm/$suite
base="systemd-sysv udev dbus linux-image-amd64 initramfs-tools python3 openssl
ffmpeg curl procps psmisc iproute2 ca-certificates fuse3 nfs-ganesha
nfs-ganesha-vfs nginx libnginx-mod-rtmp libnginx-mod-stream
libevent-2.1-7 libevent-openssl-2.1-7"

say() { printf '# %s (%ds)\n' "$*" "$SECONDS"; }

in_root() {
	mount -t proc proc "$vm/root/proc"
	DEBIAN_FRONTEND=noninteractive chroot "$vm/root" "$@" || failed=1
	umount "$vm/root/proc"
	[ -z "${failed:-}" ]
}

make_base() {
	say "debootstrap $suite"
	debootstrap --variant=minbase --include="$(echo $base | tr ' ' ,)" \
		"$suite" "$vm/base.part" "$mirror" > "$vm/debootstrap.log" 2>&1
	# In a container debootstrap may leave it there: nothing may copy it.
	umount "$vm/base.part/proc" 2> /dev/null || :
	mv "$vm/base.part" "$vm/base"
}

# From a copy of what git knows: the tree stays as it is.
make_packages() {
	say "packages"
	rm -rf "$vm/src" "$vm"/*.deb
	mkdir "$vm/src"
	(cd "$top_srcdir" && git ls-files -z |
		xargs -0 cp --parents -t "$vm/src" 2> /dev/null) || :
	(cd "$vm/src" && DEB_BUILD_OPTIONS=nocheck \
		dpkg-buildpackage -b -us -uc -j2) > "$vm/packages.log" 2>&1
	rm -f "$vm"/*dbgsym*.deb
}

# The unit's output, and nothing else, goes to the second serial port.
install_test() {
	mkdir -p "$vm/root/upcast/build/tests"
	cp -a "$top_srcdir/tests" "$vm/root/upcast"
	cp -a "$top_builddir"/tests/{caller,tools} "$vm/root/upcast/build/tests"
	cat > "$vm/root/etc/systemd/system/guest.service" <<-END
		[Unit]
		After=multi-user.target
		[Service]
		Type=oneshot
		WorkingDirectory=/upcast/tests
		Environment=top_builddir=/upcast/build
		ExecStart=python3 systemd-guest.py ${PARTS:-}
		ExecStopPost=systemctl --no-block poweroff
		StandardOutput=file:/dev/ttyS1
		StandardError=journal
		[Install]
		WantedBy=default.target
	END
	in_root systemctl -q enable guest.service
}

make_root() {
	say "root file system"
	rm -rf "$vm/root"
	cp -ax --reflink=auto "$vm/base" "$vm/root"
	echo guest > "$vm/root/etc/hostname"
	printf '#!/bin/sh\nexit 101\n' > "$vm/root/usr/sbin/policy-rc.d"
	chmod +x "$vm/root/usr/sbin/policy-rc.d"
	cp "$vm"/*.deb "$vm/root"
	in_root sh -c 'apt-get -qq update && apt-get install -y -qq \
		--no-install-recommends /*.deb && apt-get clean && rm /*.deb &&
		systemctl -q disable nginx nfs-ganesha || :' \
		> "$vm/install.log" 2>&1
	rm "$vm/root/usr/sbin/policy-rc.d"
}

make_disk() {
	install_test
	rm -f "$vm/disk"
	mke2fs -q -t ext4 -d "$vm/root" "$vm/disk" 4G
}

boot() {
	say "booting"
	rm -f "$vm/out"
	timeout "${LIMIT_SECONDS:-1800}" qemu-system-x86_64 -accel "${ACCEL:-tcg,thread=multi}" \
		-m 1024 -smp 2 -no-reboot -display none -nic none \
		-kernel "$(echo "$vm"/root/boot/vmlinuz-*)" \
		-initrd "$(echo "$vm"/root/boot/initrd.img-*)" \
		-append "root=/dev/vda rw console=ttyS0 systemd.show_status=1" \
		-drive file="$vm/disk",format=raw,if=virtio,cache=unsafe \
		-serial file:"$vm/console" -serial file:"$vm/out"
	say "ended"
	tr -d '\r' < "$vm/out"
	grep -q '^1\.\.[1-9]' "$vm/out" && ! grep -q '^not ok\|^Bail' "$vm/out"
}

mkdir -p "$vm"
[ -d "$vm/base" ] || make_base
if [ -z "${KEEP:-}" ]; then
	make_packages
	make_root
fi
make_disk
boot
