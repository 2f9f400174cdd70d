"""Second opinion: an independent matcher is asked whether a candidate is one of the originals that it comes near to.

`trial` sets its threshold and says how well it does, `asking` asks it, `agreement` holds both opinions side by side.
"""
