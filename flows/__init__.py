"""When and where work runs: Prefect flows, deployments and the ``songline`` command.

Importing this package first restricts Prefect (see :mod:`flows.runtime.prefect_restrictions`) and speeds up startup
(see :mod:`flows.runtime.startup`). Every Songline process that uses Prefect imports it.
"""

from flows.runtime.prefect_restrictions import restrict_prefect
from flows.runtime.startup import postpone_garbage_collection

postpone_garbage_collection()
restrict_prefect()
