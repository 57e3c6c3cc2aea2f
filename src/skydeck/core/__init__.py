"""The nouns: what everything else in Skydeck is said in. numpy only."""
