"""How the bot is: what `/healthz`, `/readyz` and `/metrics` say, and the looks behind them."""
