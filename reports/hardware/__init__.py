"""Where simulator and hardware meet: designs are generated from schedules, and held to the engine's runs.

`planning` makes the control's plan of the engine's program, `generation` the whole design; `work` has the numbers of a
run, `expected` what has to happen when, `verification` runs and compares.
"""
