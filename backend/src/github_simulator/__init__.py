"""A stand-in for GitHub that speaks HTTP: OAuth web flow, REST API and fault points.

For development and tests only; it refuses to start in production. Run it with
`python -m github_simulator --help`. It imports nothing of the application it stands in for.
"""
