"""Files for musicians: the written lead sheet, and the project that a workstation opens."""
