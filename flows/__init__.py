"""When and where work runs: Prefect flows, deployments, the ``songline`` command.

Importing this package, which every process of ours does that uses Prefect, restricts Prefect first: see
:mod:`flows.prefect_restrictions`; and it starts quickly: see :mod:`flows.startup`.
"""

from flows.prefect_restrictions import restrict_prefect
from flows.startup import put_off_garbage_collection

put_off_garbage_collection()
restrict_prefect()
