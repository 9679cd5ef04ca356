"""From sync answers to the inbox."""
