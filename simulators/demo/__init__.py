"""`shouwang demo`: the whole product, a simulated banner, a page where its notifications arrive, and a guided tour."""
