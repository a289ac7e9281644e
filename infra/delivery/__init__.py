"""From a checkout to what a user installs: chart, install.yaml, images, and the checks of what is delivered.

`python -m infra.delivery --help` lists the commands; the Makefile's targets call them, and so do the workflows.
docs/delivery.md tells how a change becomes a release.
"""
