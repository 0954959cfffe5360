"""`images.lock`: what each upstream is, by digest."""
