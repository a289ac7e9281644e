"""One file per child: a pure function from the resource to the child's manifest, or None when it is not wanted.

A manifest lists only the fields that the operator means to own; the rest is the API server's and other people's.
"""
