"""When and where work runs: Prefect flows, deployments, the ``songline`` command.

Importing this package, which every process of ours does that uses Prefect, restricts Prefect first: see
:mod:`flows.prefect_restrictions`. What Prefect logs holds no secrets: see :mod:`flows.clean_logs`.
"""

from flows.clean_logs import clean_prefect_logs
from flows.prefect_restrictions import restrict_prefect

restrict_prefect()
clean_prefect_logs()
