"""When and where work runs: Prefect flows, deployments, the ``songline`` command.

Importing this package, which every process of ours does that uses Prefect, restricts Prefect first: see
:mod:`flows.runtime.prefect_restrictions`; and it starts quickly: see :mod:`flows.runtime.startup`.
"""

from flows.runtime.prefect_restrictions import restrict_prefect
from flows.runtime.startup import put_off_garbage_collection

put_off_garbage_collection()
restrict_prefect()
