"""Selection: metrics, policies, rankings and decisions, with the sentences that explain them."""
