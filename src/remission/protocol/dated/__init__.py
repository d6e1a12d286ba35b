"""Dating: a regimen for one person from a start date on, and the formats it leaves in."""
