"""Who is who: patients, their eyes and roles, and one picture under two patients."""
