"""The local cluster: kind, its ingress and metrics, the operator and a sample counter, made and removed by one command.

`python -m infra.kind up` works with Docker and an internet connection, and also where no container registry can be
reached: then what is missing is built from package registries (`from_source`).
"""
