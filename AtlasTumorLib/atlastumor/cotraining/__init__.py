"""Training on users' own scans, with synthetic tumors among them.

`atlastumor train CONFIG` does it all: it reads a partially labelled cohort, caches its scans on the
network's grid, trains and writes a model that every other command takes. What is drawn at a step
follows from the seed and the step alone, so that a run that was killed goes on exactly. Knows
training (the loss and the running mean), synthesis, inference, networks and models.
"""
