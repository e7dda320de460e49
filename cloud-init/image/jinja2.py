# Stands before the real one on cloud-init's path, and on no other program's: no seed is a template.
raise ImportError("not needed here")
