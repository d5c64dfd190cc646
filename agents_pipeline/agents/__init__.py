"""Who learns: TF-Agents agents and the policies that explore."""
