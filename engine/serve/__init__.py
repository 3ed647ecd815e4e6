"""Endpoints and the backends behind them: started, watched, routed to, ended."""
