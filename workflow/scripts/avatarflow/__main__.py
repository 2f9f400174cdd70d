"""The command `avatarflow`; envs/avatarflow starts it."""

import sys

from avatarflow.clean.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
