"""A seeded simulation: the real watch and incidents between modelled agents, broker, disk and clock.

`python -m tests.simulation --seeds 200` runs two hundred histories; a failure prints its seed and the commit, and
`--seed N` runs that one again. What it checks are the invariants I1 to I8 of the faults table.
"""
