"""The bot: ``python bot.py --help`` lists what it can do."""

import os
import sys

from botkit.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
