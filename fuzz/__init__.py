"""Fuzzing of everything that reads what strangers write: ``make fuzz``, or ``RUNS=20000 make fuzz`` for less."""
