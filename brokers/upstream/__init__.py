"""What every broker's live stream needs: being kept alive, a state to tell, an outbox for slow readers."""
