"""How the bot is: what `/healthz`, `/readyz` and `/metrics` report, and the looks behind them."""
