"""When and where work runs: Prefect flows, deployments, the ``songline`` command.

Importing this package, which every process of ours does that uses Prefect, restricts Prefect first: see
:mod:`flows.prefect_restrictions`.
"""

from flows.prefect_restrictions import restrict_prefect

restrict_prefect()
