"""Whether a camera's picture is good: black, frozen, blurred, occluded or turned, from small grey frames.

Nothing here is imported by the agent's own process but `edge.picture.asking`: frames are decoded and judged in a child.
"""
