"""Ways into private networks, each walked by the real bot: ``make policy`` prints how many got there."""
