# SPDX-License-Identifier: MIT
"""Start and end of a stand-in: options, ports, ready file, signals."""

import argparse
import json
import os
import signal
import ssl
import sys

from common.control import BadOrder, Control, Journal
from common.faults import Faults
from common.httpd import Server


def _options(name, description):
    parser = argparse.ArgumentParser(prog=name, description=description)
    parser.add_argument("--cert", required=True, metavar="FILE",
                        help="certificate chain, PEM")
    parser.add_argument("--key", required=True, metavar="FILE",
                        help="private key, PEM")
    parser.add_argument("--port", type=int, default=0, metavar="N",
                        help="HTTPS port [0: any free one]")
    parser.add_argument("--control-port", type=int, default=0, metavar="N",
                        help="control port, plain HTTP [0: any free one]")
    parser.add_argument("--ready-file", metavar="FILE",
                        help="written when ready: JSON with the ports")
    parser.add_argument("--seed", metavar="FILE",
                        help="JSON with the objects to start with")
    parser.add_argument("--set", action="append", default=[],
                        metavar="NAME=JSON", help="a setting, see README.md")
    parser.add_argument("--store", metavar="DIR",
                        help="keep what arrives in this directory")
    return parser


def _settings(pairs):
    values = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        values[name] = json.loads(text)
    return values


def _announce(name, path, ports):
    text = json.dumps(ports)
    if path:
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(text + "\n")
        os.rename(path + ".new", path)
    print(f"{name}: ready {text}", flush=True)


def _context(options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(options.cert, options.key)
    return context


def main(name, description, make):
    """Runs a stand-in until SIGTERM or SIGINT.

    `make(options)` returns (model, app, control routes).
    """
    options = _options(name, description).parse_args()
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    try:
        context = _context(options)
        model, app, routes = make(options)
        if options.seed:
            with open(options.seed, encoding="utf-8") as file:
                model.plant(json.load(file))
        model.settings.update(_settings(options.set))
        faults, journal = Faults(), Journal()
        control = Control(model, faults, journal, context, routes)
        server = Server(app, options.port, context, faults, name, journal)
        control_server = Server(control, options.control_port,
                                name=f"{name} control")
    except (OSError, BadOrder, ValueError, KeyError) as error:
        sys.exit(f"{name}: {error}")
    model.port = server.port
    control.attach(server)
    server.start()
    control_server.start()
    _announce(name, options.ready_file,
              {"port": server.port, "control_port": control_server.port,
               "pid": os.getpid()})
    signal.sigwait(ends)
    faults.clear()
    server.stop()
    control_server.stop()
    sys.stdout.flush()
    # Threads may sit in a read of TLS: nothing of theirs is worth waiting for.
    os._exit(0)
