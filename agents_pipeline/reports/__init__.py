"""Reports: one page of one run or of many, from what their folders hold."""
