"""Steps: lease one declared step, run the function of its kind and commit the result."""
