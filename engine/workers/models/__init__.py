"""The program that fetches a base model, and where it fetches from."""
