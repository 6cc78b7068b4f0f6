"""What RT objects say: ROI names, structures, plans and doses as rows; pure, without database or network."""
