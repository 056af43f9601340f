"""A locked key file as an engine 26.1 wrote it, with the key that it gave for it (of a swarm that is no more)."""

from swarmkit.secret import Secret

LOCKED = """\
-----BEGIN ENCRYPTED PRIVATE KEY-----
kek-version: 65
raft-dek: CAESMB7T+IajIEBZntzoNVQ4hHTDLi8euOmmrOL0S98KA7dfXzJsFigWzxnrTOpS283E0BoYx85IWBxOlLNjxRtFNLIint0kSvoAhGAj

MIHeMEkGCSqGSIb3DQEFDTA8MBsGCSqGSIb3DQEFDDAOBAj9bLqzTq9gsAICCAAw
HQYJYIZIAWUDBAEqBBBd/dL6kP2y+vicpQEvofBEBIGQkWXurbmC7okf4bWqjVJD
A9A0AfE0j/7d3LJmSrHf40LDDI0B8hydQjgRmt1mQngvWQNGvFhosukGlq3ygKSV
BsLKKY/qmz6k7xkACcrwI+ETjNkO8xzW6xxJOKxlJBZZSggbuCDAWR8clg4nA4Ta
jt+3a0DLNFdFJSY5rYxpYdNsdKGT6Hu4eSCo/qUCqKwx
-----END ENCRYPTED PRIVATE KEY-----
"""
KEY = Secret(b"SWMKEY-1-hjxn+d0Vuuxr3Bmsc8GpTXuQ/8pqKK9NvpPa3Yqd6v4")
