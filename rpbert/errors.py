"""The one exception for everything a user can get wrong; its message says what was wrong and what to do."""


class UserError(ValueError):
    """A mistake of the user's: shown as it stands in the page, the API and on the command line (exit code 2)."""
