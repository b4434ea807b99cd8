"""Steps: one declared step leased, run and committed, by the function its kind names."""
