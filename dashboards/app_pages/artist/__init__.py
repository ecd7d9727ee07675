"""What an artist sees of her own earnings, lives, audience and statements."""
