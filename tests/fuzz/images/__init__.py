"""Images against plain ``docker buildx build``, on random projects."""
