"""The kubectl plugin ``kubectl requestcounter``: docs/kubectl-plugin.md tells what it does.

It uses the operator's pure parts to say what the operator would do, and acts with its user's own rights only.
"""
