"""What each code of the doctor means, by subject; swarmkit/doctor/codes.py has them all."""
