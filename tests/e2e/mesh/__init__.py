"""What the end-to-end tests are written with: a coordinator, a simulated platform, marbles that
speak gRPC through a client that is not ours, and a search for secrets that leaked."""
