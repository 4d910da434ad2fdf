"""The embedded stack as a whole: started, hurt, stopped."""
