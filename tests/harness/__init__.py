# SPDX-License-Identifier: MIT
"""Common ground of the system tests.

    from harness import tap
    from harness.world import World

    def test_something(world):
        \"\"\"what is shown here\"\"\"
        rev = world.rev()
        ...

    tap.main(World)

A World is a temporary directory and the programs that a test starts; both
are gone when it ends, however it ends. Nothing here sleeps blindly: wait_for()
polls a condition until a deadline.
"""
