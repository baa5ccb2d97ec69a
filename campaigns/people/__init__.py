"""Staff who can sign in: who they are, what they may do where, and the browsers that they are signed in with."""
