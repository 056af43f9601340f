"""The checks by subject, one function a hazard or two; pure. swarmkit/doctor/examine.py runs them all."""
