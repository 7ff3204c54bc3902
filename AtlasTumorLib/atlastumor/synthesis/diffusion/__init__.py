"""Diffusion: the schedule and samplers that all its methods share, and a small model of our own.

`schedule`, `samplers` and `network` need torch; what is imported here does not.
"""
