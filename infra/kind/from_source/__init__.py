"""Images without a container registry: Debian's packages, the Go module proxy and PyPI have what they are made of.

Each module makes one kind of thing; `recipes` says which image is made how. Needs root on Debian and, for the node, Go.
"""
