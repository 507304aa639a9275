"""Changing what a picture shows with a network that makes pictures: paint classes, transplant parts."""
