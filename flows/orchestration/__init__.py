"""Albums on work pools: coordinator, dispatchers, run launcher and run tracker."""
