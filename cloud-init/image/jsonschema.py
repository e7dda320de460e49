# Stands before the real one on cloud-init's path, and on no other program's; see cloud-init.service.
raise ImportError("not needed here")
